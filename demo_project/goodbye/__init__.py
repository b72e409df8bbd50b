from otree.api import *
from starlette.responses import RedirectResponse

doc = """
The end of a study on a panel such as Prolific: participants are sent to the address that tells the panel that they are
done (completion_link in the session config), by a link, or by themselves if the session config says so
(completion_redirect).
"""


class C(BaseConstants):
    NAME_IN_URL = 'goodbye'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    pass


class Thanks(Page):
    pass


class Completion(Page):
    """The last page: oTree answers with a redirect to another site, or shows the page with the link."""

    def get(self):
        if self.session.config['completion_redirect']:
            return RedirectResponse(self.session.config['completion_link'], status_code=302)
        return super().get()


page_sequence = [Thanks, Completion]
