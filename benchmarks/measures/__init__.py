"""What is measured, a module for each subject: functions that take a stage and a scale, and answer with figures."""
