from otree.api import *

doc = """
Survey with every field type and widget of oTree, laid out in three ways:
all fields at once, field by field between paragraphs, and in hand-written HTML.
"""

AGREEMENT = [
    [1, 'Strongly disagree'],
    [2, 'Disagree'],
    [3, 'Neither agree nor disagree'],
    [4, 'Agree'],
    [5, 'Strongly agree'],
]
HOW_OFTEN = [[1, 'Never'], [2, 'Sometimes'], [3, 'Every day']]


class C(BaseConstants):
    NAME_IN_URL = 'survey'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    # AboutYou
    consent = models.BooleanField(widget=widgets.CheckboxInput, label='I take part in this survey of my own free will.')
    age = models.IntegerField(min=18, max=99, label='How old are you?')
    height = models.FloatField(min=0.5, max=2.5, label='How tall are you, in metres?', help_text='For example 1.75')
    country = models.StringField(max_length=50, label='In which country do you live?')
    education = models.StringField(
        choices=['No degree', 'High school', 'University'], label='What is your highest degree?'
    )
    student = models.BooleanField(label='Are you a student?')
    siblings = models.IntegerField(blank=True, min=0, max=20, label='How many siblings do you have? (optional)')
    nickname = models.StringField(blank=True, max_length=20, label='What shall we call you? (optional)')
    wants_results = models.BooleanField(
        blank=True, widget=widgets.CheckboxInput, label='I would like to receive the results of this survey.'
    )

    # Opinions
    transport = models.StringField(
        choices=['On foot', 'By bicycle', 'By bus or train', 'By car'],
        widget=widgets.RadioSelect,
        label='How do you get to work or to school?',
    )
    season = models.StringField(
        choices=['Spring', 'Summer', 'Autumn', 'Winter'],
        widget=widgets.RadioSelectHorizontal,
        label='Which season do you like best?',
    )
    trust = models.IntegerField(choices=AGREEMENT, widget=widgets.RadioSelect, label='Most people can be trusted.')
    patience = models.IntegerField(
        choices=AGREEMENT, widget=widgets.RadioSelectHorizontal, label='I am a patient person.'
    )
    weekend = models.LongStringField(label='What did you do last weekend? Write one or two sentences.')

    # Drinks
    tea = models.IntegerField(choices=HOW_OFTEN, widget=widgets.RadioSelect, label='Tea')
    coffee = models.IntegerField(choices=HOW_OFTEN, widget=widgets.RadioSelect, label='Coffee')
    juice = models.IntegerField(choices=HOW_OFTEN, widget=widgets.RadioSelect, label='Juice')
    cups = models.IntegerField(min=0, max=30)
    sugar = models.BooleanField(label='Do you take sugar?')
    thirst = models.IntegerField(min=0, max=10, label='How thirsty are you now?')


class AboutYou(Page):
    form_model = 'player'
    form_fields = [
        'consent', 'age', 'height', 'country', 'education', 'student', 'siblings', 'nickname', 'wants_results'
    ]


class Opinions(Page):
    form_model = 'player'
    form_fields = ['transport', 'season', 'trust', 'patience', 'weekend']


class Drinks(Page):
    form_model = 'player'
    form_fields = ['tea', 'coffee', 'juice', 'cups', 'sugar', 'thirst']


page_sequence = [AboutYou, Opinions, Drinks]
