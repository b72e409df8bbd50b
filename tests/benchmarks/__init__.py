"""How fast bots play, how much memory and how many tokens they take. `make bench` runs them."""
