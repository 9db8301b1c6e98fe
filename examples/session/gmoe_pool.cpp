#include "session_of.hpp"

namespace examples {

template std::unique_ptr<session> make_session_of<gmoe::gmoe_no_global_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gmoe_every_second_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gmoe_fine_grained_card, backend>(const session_setup&);

}  // namespace examples
