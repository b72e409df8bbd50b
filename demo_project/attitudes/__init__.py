import datetime

from otree.api import *

doc = """
Attitudes towards climate policy: forms written by hand in HTML instead of oTree's widgets. A Likert grid of radio
buttons built in a loop, check boxes of which at most two may be ticked, a slider, a list with groups, a date, a time.
"""

AGREEMENT = [
    [1, 'Strongly disagree'],
    [2, 'Disagree'],
    [3, 'Undecided'],
    [4, 'Agree'],
    [5, 'Strongly agree'],
]


def make_statement(label):
    return models.IntegerField(choices=AGREEMENT, widget=widgets.RadioSelect, label=label)


def make_box(label):
    return models.BooleanField(blank=True, widget=widgets.CheckboxInput, label=label)


class C(BaseConstants):
    NAME_IN_URL = 'attitudes'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1
    MEASURES_MAX = 2
    FIRST_DAY = datetime.date(2020, 1, 1)
    LAST_DAY = datetime.date(2025, 12, 31)


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    # Statements
    worried = make_statement('I worry about climate change.')
    effort = make_statement('It is worth the effort to save energy at home.')
    others = make_statement('What I do matters little as long as others do nothing.')
    flights = make_statement('Flights should cost more than trains.')

    # Measures
    trains = make_box('Cheaper train tickets')
    solar = make_box('Solar panels on public buildings')
    forests = make_box('New forests')
    research = make_box('Research on batteries')
    tax = models.IntegerField(min=0, max=200, label='What should a tonne of carbon dioxide cost, in euros?')

    # Journey
    vehicle = models.StringField(
        choices=['Train', 'Coach', 'Car', 'Plane'], label='How did you travel on your last long journey?'
    )
    day = models.StringField(label='On which day did you set out?')
    hour = models.StringField(blank=True, label='At what time of the day, as far as you remember? (optional)')


def day_error_message(player: Player, value):
    try:
        day = datetime.date.fromisoformat(value)
    except ValueError:
        return 'This is not a date.'
    if not C.FIRST_DAY <= day <= C.LAST_DAY:
        return f'Please name a day from {C.FIRST_DAY} to {C.LAST_DAY}.'


def hour_error_message(player: Player, value):
    try:
        datetime.time.fromisoformat(value or '00:00')
    except ValueError:
        return 'This is not a time of the day.'


class Statements(Page):
    form_model = 'player'
    form_fields = ['worried', 'effort', 'others', 'flights']

    @staticmethod
    def vars_for_template(player: Player):
        return dict(agreement=AGREEMENT)


class Measures(Page):
    form_model = 'player'
    form_fields = ['trains', 'solar', 'forests', 'research', 'tax']

    @staticmethod
    def error_message(player: Player, values):
        chosen = sum(values[name] for name in ['trains', 'solar', 'forests', 'research'])
        if chosen > C.MEASURES_MAX:
            return f'Please choose at most {C.MEASURES_MAX} measures: you chose {chosen}.'


class Journey(Page):
    form_model = 'player'
    form_fields = ['vehicle', 'day', 'hour']


page_sequence = [Statements, Measures, Journey]
