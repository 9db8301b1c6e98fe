#include "gmoe/compiled/models.hpp"

GMOE_COMPILED_FAMILY(template, official_cards)
