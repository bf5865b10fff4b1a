"""The API: requests → what is asked → answers in the form that was asked for."""
