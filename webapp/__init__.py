"""The site: a Django project over the modeling library."""
