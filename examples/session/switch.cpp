#include "session_of.hpp"

namespace examples {

template std::unique_ptr<session> make_session_of<gmoe::switch_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::switch_shared_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::hash_card, backend>(const session_setup&);

}  // namespace examples
