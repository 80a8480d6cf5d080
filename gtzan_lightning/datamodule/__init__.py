"""Feature arrays to examples: slices, splits, scaling and the LightningDataModule."""
