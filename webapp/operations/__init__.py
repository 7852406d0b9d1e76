"""The site as a whole: starting its processes, telling how they are. The top layer; nothing imports it."""
