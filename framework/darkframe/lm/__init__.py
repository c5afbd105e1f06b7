"""What sources share: reading text, packing it into rows, running a model up to its hook point, opening SAEs."""
