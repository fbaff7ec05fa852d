"""A local page for labelling images by keyboard, with a network's readings to accept or to mend."""
