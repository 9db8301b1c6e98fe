// Few files with many cards each: what they have in common takes most of the time to compile.

#include "session_of.hpp"

namespace examples {

template std::unique_ptr<session> make_session_of<gmoe::dense_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::dense_relu_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::smoe_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::switch_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::switch_shared_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gshard_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::gshard_paper_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::hash_card, backend>(const session_setup&);
template std::unique_ptr<session> make_session_of<gmoe::deepseek_moe_card, backend>(const session_setup&);

}  // namespace examples
