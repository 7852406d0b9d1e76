"""Who is who: users, signing in and out, the first admin."""
