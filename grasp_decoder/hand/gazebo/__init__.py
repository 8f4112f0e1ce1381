"""The hand in Gazebo Classic 11."""
