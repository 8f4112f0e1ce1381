"""What the lab's own software hears: decodes and hand commands outside of ROS."""
