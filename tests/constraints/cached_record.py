"""What the tests of caches compile."""

import constrained_diffusion as cd

BYTES = cd.Vocabulary([bytes([b]) for b in range(256)] + [None, None], end_ids=[256], pad_id=257)
RECORD = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 5}, "size": {"enum": ["s", "m", 3]}},
    "required": ["name", "size"],
    "additionalProperties": False,
}
LENGTH = 40
