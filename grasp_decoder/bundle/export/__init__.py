"""From fitted networks to a bundle: TFLite models, their int8 calibration and the checks of both."""
