// Few files with many cards each: what they have in common takes most of the time to compile.

#include "session_of.hpp"

namespace examples {

template std::unique_ptr<session> make_session_of<gmoe::gmoe_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gmoe_no_local_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gmoe_no_local_top2_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gmoe_no_logits_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gmoe_no_state_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gmoe_no_global_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gmoe_every_second_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gmoe_fine_grained_card, backend>(const session_setup&);

}  // namespace examples
