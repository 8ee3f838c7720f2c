"""The deterministic twin of GenPose: same encoder, data and budget; one pose is regressed."""
