"""What runs in a bot process: pages, forms, the browser, the mind, the story of a bot, its journal, the runner."""
