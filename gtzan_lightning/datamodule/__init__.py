"""Examples for training: slices, splits, scaling, augmented copies and the LightningDataModule."""
