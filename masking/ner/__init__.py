"""The name model: where names may stand, what is known of each character there, and which names the CRF reads."""
