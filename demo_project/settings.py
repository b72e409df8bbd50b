"""An oTree project to try LLM bots on: short experiments, each the same for humans and for bots."""
import os

SESSION_CONFIGS = [
    dict(
        name='public_goods',
        display_name='Public goods game (3 players)',
        app_sequence=['otree_botex', 'public_goods'],
        num_demo_participants=3,
    ),
    dict(
        name='public_goods_with_bots',
        display_name='Public goods game in which bots start by themselves',
        app_sequence=['otree_botex', 'public_goods'],
        num_demo_participants=3,
        llm_bots=3,
        llm_bots_model='random',
        llm_bots_start=True,
    ),
    dict(
        name='guess_two_thirds',
        display_name='Guess two thirds of the average (3 players, 3 rounds)',
        app_sequence=['otree_botex', 'guess_two_thirds'],
        num_demo_participants=3,
    ),
    dict(
        name='ultimatum',
        display_name='Ultimatum game (2 players)',
        app_sequence=['otree_botex', 'ultimatum'],
        num_demo_participants=2,
        pie=10,
    ),
    dict(
        name='survey',
        display_name='Survey with every kind of question',
        app_sequence=['otree_botex', 'survey'],
        num_demo_participants=1,
    ),
    dict(
        name='quiz',
        display_name='Quiz that must be answered correctly',
        app_sequence=['otree_botex', 'quiz'],
        num_demo_participants=1,
    ),
    dict(
        name='dictator_de',
        display_name='Spende (dictator game, in German)',
        app_sequence=['otree_botex', 'dictator_de'],
        num_demo_participants=1,
    ),
    dict(
        name='lottery',
        display_name='Lottery choice (2 rounds)',
        app_sequence=['otree_botex', 'lottery'],
        num_demo_participants=2,
    ),
    dict(
        name='attitudes',
        display_name='Attitudes (forms in plain HTML; ends with a redirect to Prolific)',
        app_sequence=['otree_botex', 'attitudes', 'goodbye'],
        num_demo_participants=1,
        completion_redirect=True,
    ),
    dict(
        name='price_list',
        display_name='Price list (ends with a link to Prolific)',
        app_sequence=['otree_botex', 'price_list', 'goodbye'],
        num_demo_participants=1,
        completion_redirect=False,
    ),
    dict(
        name='memory',
        display_name='Memory task (time limits)',
        app_sequence=['otree_botex', 'memory'],
        num_demo_participants=1,
    ),
    dict(
        name='bargaining',
        display_name='Bargaining in a chat (2 players)',
        app_sequence=['otree_botex', 'bargaining'],
        num_demo_participants=2,
        talk_seconds=180,
    ),
    dict(
        name='trust',
        display_name='Trust game (2 players, paired as they arrive)',
        app_sequence=['otree_botex', 'trust'],
        num_demo_participants=4,
    ),
    dict(
        name='auction',
        display_name='Double auction (live, 2 participants or more)',
        app_sequence=['otree_botex', 'auction'],
        num_demo_participants=4,
        auction_seconds=90,
    ),
    dict(
        name='counter_offers',
        display_name='Ultimatum game with counter-offers (live, 2 players)',
        app_sequence=['otree_botex', 'counter_offers'],
        num_demo_participants=2,
    ),
    dict(
        name='live_chat',
        display_name='Talk before a decision (live, groups of 2 or 3)',
        app_sequence=['otree_botex', 'live_chat'],
        num_demo_participants=2,
        chat_seconds=90,
    ),
    dict(
        name='by_script',
        display_name='Questions answered by scripts (dragging, a slider, tiles, typing)',
        app_sequence=['otree_botex', 'by_script'],
        num_demo_participants=2,
    ),
    dict(
        name='all_individual',
        display_name='Survey, quiz, lottery and donation, one after the other',
        app_sequence=['otree_botex', 'survey', 'quiz', 'lottery', 'dictator_de'],
        num_demo_participants=2,
    ),
]

SESSION_CONFIG_DEFAULTS = dict(
    real_world_currency_per_point=0.05,
    participation_fee=2.00,
    completion_link='https://app.prolific.com/submissions/complete?cc=DEMO1234',
    doc='',
)

ROOMS = [
    dict(name='lab', display_name='Laboratory (anyone may enter)'),
    dict(name='class', display_name='Class (with participant labels)', participant_label_file='_rooms/class.txt'),
    dict(
        name='class_secure',
        display_name='Class (each with an address of their own)',
        participant_label_file='_rooms/class.txt',
        use_secure_urls=True,
    ),
]

# The models to choose from when bots are started.
#   'random'               answers at random: no language model, nothing to install
#   'smollm2'              a small language model that runs on this computer
#   'openai/gpt-4.1-mini'  a model behind an API, named as litellm names it; its key comes from the environment
LLM_BOTS = dict(models=['random', 'smollm2', 'openai/gpt-4.1-mini'])

# The same project in another language or currency: DEMO_LANGUAGE=de DEMO_CURRENCY=euro otree devserver
LANGUAGE_CODE = os.environ.get('DEMO_LANGUAGE', 'en')
USE_POINTS = os.environ.get('DEMO_CURRENCY', 'points') == 'points'
REAL_WORLD_CURRENCY_CODE = 'EUR'

ADMIN_USERNAME = os.environ.get('OTREE_ADMIN_USERNAME', 'admin')
ADMIN_PASSWORD = os.environ.get('OTREE_ADMIN_PASSWORD')
SECRET_KEY = os.environ.get('OTREE_SECRET_KEY', 'for-demonstration-only')

DEMO_PAGE_INTRO_HTML = """
<p>Short experiments to try LLM bots on: choose one and let bots take its seats.
Take a seat yourself if you like, for bots and humans see the same pages.</p>
"""
