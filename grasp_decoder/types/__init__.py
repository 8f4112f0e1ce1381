"""The ground floor: time and the content of each ROS message, as plain types that know neither ROS nor files."""
