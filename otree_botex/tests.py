"""oTree's own test bots (`otree test`) look here for every app of a session; ours has no pages to play."""

from otree.api import Bot


class PlayerBot(Bot):
    def play_round(self) -> None:
        pass
