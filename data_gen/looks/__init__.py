"""Random looks of text CAPTCHAs (`--style any`), to pretrain a network that reads any of them."""
