import time

from otree.api import *

doc = """
Talk before a decision: groups of two or three write to each other on a live page, for chat_seconds (in the session
config) or until everybody is done, and then each says what the group agreed on.
"""


class C(BaseConstants):
    NAME_IN_URL = 'live_chat'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1
    LENGTH_MAX = 300
    CHARITIES = ['Clean water', 'Rain forest', 'Village schools']
    NONE = 'We did not agree'


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    opened_at = models.FloatField(doc='When the talk began, in seconds since 1970.')


class Player(BasePlayer):
    is_done = models.BooleanField(initial=False)
    agreed = models.StringField(
        choices=C.CHARITIES + [C.NONE],
        widget=widgets.RadioSelect,
        label='Which charity did your group agree on?',
    )


class Message(ExtraModel):
    group = models.Link(Group)
    player = models.Link(Player)
    text = models.LongStringField()
    seconds = models.FloatField(doc='Since the talk began.')


def creating_session(subsession: Subsession):
    """Pairs, and three in the last group if the number is odd."""
    players = subsession.get_players()
    groups = [players[start : start + 2] for start in range(0, len(players), 2)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        left_over = groups.pop()
        groups[-1] += left_over
    subsession.set_group_matrix(groups)


def open_talk(group: Group):
    group.opened_at = time.time()


def say(player: Player, text):
    text = text.strip() if isinstance(text, str) else ''
    if not 1 <= len(text) <= C.LENGTH_MAX:
        return f'Please write from 1 to {C.LENGTH_MAX} characters.'
    seconds = round(time.time() - player.group.opened_at, 1)
    Message.create(group=player.group, player=player, text=text, seconds=seconds)


def view(player: Player):
    """The talk as this player sees it."""
    messages = Message.filter(group=player.group)
    players = player.group.get_players()
    return dict(
        messages=[dict(who=name_of(message.player, player), text=message.text) for message in messages],
        done=[name_of(other, player) for other in players if other.is_done],
        i_am_done=player.is_done,
        all_done=all(other.is_done for other in players),
    )


def name_of(player: Player, viewer: Player):
    return 'You' if player == viewer else f'Participant {player.id_in_group}'


class Instructions(Page):
    pass


class MeetWaitPage(WaitPage):
    after_all_players_arrive = open_talk


class Talk(Page):
    timer_text = 'The talk ends in:'

    @staticmethod
    def get_timeout_seconds(player: Player):
        return player.session.config['chat_seconds']

    @staticmethod
    def live_method(player: Player, data):
        if data['type'] == 'done':
            player.is_done = True
        if data['type'] == 'say' and not player.is_done:
            problem = say(player, data['text'])
            if problem:
                return {player.id_in_group: dict(problem=problem)}
        return {other.id_in_group: view(other) for other in player.group.get_players()}


class Agreement(Page):
    form_model = 'player'
    form_fields = ['agreed']


page_sequence = [Instructions, MeetWaitPage, Talk, Agreement]


def custom_export(players):
    yield ['session', 'participant', 'group', 'text', 'seconds']
    for player in players:
        for message in Message.filter(player=player):
            codes = [player.session.code, player.participant.code]
            yield [*codes, player.group.id_in_subsession, message.text, message.seconds]
