#include "gmoe/compiled/models.hpp"

GMOE_COMPILED_FAMILY(template, scoring_cards)
