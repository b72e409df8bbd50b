"""What runs inside the oTree server: the hook, the admin's pages, the launcher, the journal's endpoint, the exports."""
