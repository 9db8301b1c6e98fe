#include "session_of.hpp"

namespace examples {

template std::unique_ptr<session> make_session_of<gmoe::dense_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::dense_relu_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::deepseek_moe_card, backend>(const session_setup&);

}  // namespace examples
