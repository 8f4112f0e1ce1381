"""The ROS 2 nodes. Only modules of this package import rclpy."""
