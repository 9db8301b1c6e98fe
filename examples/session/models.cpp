#include "models.hpp"

namespace gmoe {

template std::unique_ptr<any_model<examples::backend>> make_model<examples::backend, all_cards>(const any_card&,
                                                                                                const sizes&,
                                                                                                std::uint64_t);

}  // namespace gmoe
