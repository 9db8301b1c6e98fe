#include "session_of.hpp"

namespace examples {

template std::unique_ptr<session> make_session_of<gmoe::smoe_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gshard_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gshard_paper_card, backend>(const session_setup&);

}  // namespace examples
