from otree.api import *

from . import *


class PlayerBot(Bot):
    """Ends on the last page, which leads out of oTree."""

    def play_round(self):
        yield Thanks
        if not self.session.config['completion_redirect']:
            expect(self.session.config['completion_link'], 'in', self.html)
