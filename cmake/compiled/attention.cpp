#include "gmoe/compiled/models.hpp"

GMOE_COMPILED_FAMILY(template, attention_cards)
