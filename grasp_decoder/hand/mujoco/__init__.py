"""The hand in MuJoCo."""
