#include "session_of.hpp"

namespace examples {

template std::unique_ptr<session> make_session_of<gmoe::gmoe_no_logits_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gmoe_no_state_card, backend>(const session_setup&);

}  // namespace examples
