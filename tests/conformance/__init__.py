"""What holds at every door: see driver.py for what a new door has to bring."""
