"""Pictures by the short codes that people know from elsewhere, and what may be a reaction, pure.

Each picture is one character, of a width that is certain.
"""

from __future__ import annotations

import re

_TABLE = """
+1 👍  -1 👎  100 💯  8ball 🎱  airplane ✈  alarm_clock ⏰  alien 👽  ambulance 🚑  anchor ⚓  angel 👼  anger 💢
angry 😠  ant 🐜  apple 🍎  art 🎨  astonished 😲  avocado 🥑  axe 🪓  baby 👶  bacon 🥓  badminton 🏸  balloon 🎈
banana 🍌  bank 🏦  bar_chart 📊  barber 💈  baseball ⚾  basketball 🏀  bat 🦇  bath 🛀  battery 🔋  bear 🐻  bee 🐝
beer 🍺  beers 🍻  beetle 🐞  bell 🔔  bento 🍱  bicycle 🚲  bike 🚲  bird 🐦  birthday 🎂  black_heart 🖤  blossom 🌼
blue_book 📘  blue_heart 💙  blush 😊  boar 🐗  boat ⛵  bomb 💣  bone 🦴  book 📖  bookmark 🔖  books 📚  boom 💥
bouquet 💐  bow 🙇  brain 🧠  bread 🍞  briefcase 💼  broccoli 🥦  broken_heart 💔  broom 🧹  brown_heart 🤎
bubble_tea 🧋  bug 🐛  bulb 💡  burrito 🌯  bus 🚌  butterfly 🦋  cactus 🌵  cake 🍰  calendar 📆  call_me_hand 🤙
camel 🐫  camera 📷  candy 🍬  car 🚗  carrot 🥕  castle 🏰  cat 🐱  chart 💹  cheese_wedge 🧀  cherries 🍒  chicken 🐔
chocolate_bar 🍫  christmas_tree 🎄  cinema 🎦  clap 👏  clipboard 📋  closed_book 📕  clown_face 🤡  cocktail 🍸
coconut 🥥  coffee ☕  coin 🪙  cold_face 🥶  cold_sweat 😰  computer 💻  confetti_ball 🎊  confounded 😖  confused 😕
construction 🚧  cookie 🍪  cool 🆒  cop 👮  corn 🌽  cow 🐮  crab 🦀  credit_card 💳  crescent_moon 🌙  cricket 🦗
crocodile 🐊  croissant 🥐  crossed_fingers 🤞  crown 👑  cry 😢  crystal_ball 🔮  cucumber 🥒  cupcake 🧁  curry 🍛
cursing_face 🤬  custard 🍮  cyclone 🌀  dancer 💃  dart 🎯  dash 💨  deer 🦌  disappointed 😞  dizzy 💫  dizzy_face 😵
dog 🐶  dollar 💵  dolphin 🐬  door 🚪  doughnut 🍩  dragon 🐉  dress 👗  drooling_face 🤤  droplet 💧  drum 🥁  duck 🦆
dumpling 🥟  eagle 🦅  ear 👂  earth_africa 🌍  earth_asia 🌏  egg 🍳  eggplant 🍆  elephant 🐘  email ✉  envelope ✉
euro 💶  evergreen_tree 🌲  exclamation ❗  exploding_head 🤯  expressionless 😑  eyeglasses 👓  eyes 👀  facepalm 🤦
facepunch 👊  factory 🏭  fallen_leaf 🍂  fast_forward ⏩  fearful 😨  fire 🔥  fire_engine 🚒  firecracker 🧨
fireworks 🎆  fish 🐟  fist ✊  flamingo 🦩  flashlight 🔦  floppy_disk 💾  flushed 😳  foggy 🌁  football 🏈
footprints 👣  fox_face 🦊  french_fries 🍟  fries 🍟  frog 🐸  frowning 😦  fuelpump ⛽  full_moon 🌕  game_die 🎲
garlic 🧄  gear ⚙  gem 💎  ghost 👻  gift 🎁  giraffe 🦒  globe_with_meridians 🌐  goat 🐐  grapes 🍇  green_apple 🍏
green_book 📗  green_heart 💚  green_salad 🥗  grimacing 😬  grin 😁  grinning 😀  guitar 🎸  gun 🔫  hamburger 🍔
hammer 🔨  hamster 🐹  handshake 🤝  hankey 💩  hatched_chick 🐥  hatching_chick 🐣  headphones 🎧  hear_no_evil 🙉
heart ❤  heart_eyes 😍  heart_hands 🫶  heartbeat 💓  heavy_check_mark ✔  hedgehog 🦔  helicopter 🚁  herb 🌿
hibiscus 🌺  hocho 🔪  hole 🕳  honey_pot 🍯  horse 🐴  hospital 🏥  hot_face 🥵  hotel 🏨  hourglass ⌛  house 🏠
hugging_face 🤗  hushed 😯  icecream 🍦  imp 👿  inbox_tray 📥  innocent 😇  iphone 📱  jigsaw 🧩  joy 😂  joy_cat 😹
joystick 🕹  kangaroo 🦘  key 🔑  keyboard ⌨  kiss 💋  kissing 😗  kissing_heart 😘  kiwi_fruit 🥝  koala 🐨  label 🏷
laughing 😆  leaves 🍃  lemon 🍋  link 🔗  lion_face 🦁  lips 👄  lizard 🦎  llama 🦙  lobster 🦞  lock 🔒  lollipop 🍭
loop ➿  loudspeaker 📢  love_letter 💌  lying_face 🤥  mag 🔍  magnet 🧲  mango 🥭  maple_leaf 🍁  mask 😷
mechanical_arm 🦾  mega 📣  melon 🍈  melting_face 🫠  memo 📝  metro 🚇  microphone 🎤  microscope 🔬  milky_way 🌌
money_mouth_face 🤑  moneybag 💰  monkey 🐒  monkey_face 🐵  moon 🌔  mosquito 🦟  motorcycle 🏍  mountain ⛰  mouse 🐭
mouth 👄  movie_camera 🎥  moyai 🗿  muscle 💪  mushroom 🍄  musical_note 🎵  mute 🔇  nail_care 💅  nerd_face 🤓
neutral_face 😐  new 🆕  newspaper 📰  ninja 🥷  no_bell 🔕  no_entry ⛔  no_entry_sign 🚫  no_good 🙅  no_mouth 😶
nose 👃  notebook 📓  notes 🎶  ocean 🌊  octopus 🐙  office 🏢  ok 🆗  ok_hand 👌  old_key 🗝  onion 🧅  open_hands 👐
open_mouth 😮  orange_heart 🧡  otter 🦦  outbox_tray 📤  owl 🦉  ox 🐂  package 📦  pager 📟  palm_tree 🌴  pancakes 🥞
panda_face 🐼  paperclip 📎  parrot 🦜  partying_face 🥳  peach 🍑  peacock 🦚  peanuts 🥜  pear 🍐  pencil2 ✏
penguin 🐧  pensive 😔  persevere 😣  phone ☎  pick ⛏  pig 🐷  pill 💊  pineapple 🍍  ping_pong 🏓  pizza 🍕
pleading_face 🥺  point_down 👇  point_left 👈  point_right 👉  point_up_2 👆  poop 💩  popcorn 🍿  potato 🥔  pouch 👝
pray 🙏  pretzel 🥨  printer 🖨  purple_heart 💜  pushpin 📌  question ❓  rabbit 🐰  raccoon 🦝  racehorse 🐎  radio 📻
rage 😡  rainbow 🌈  raised_eyebrow 🤨  raised_hand ✋  raised_hands 🙌  raising_hand 🙋  ram 🐏  ramen 🍜  rat 🐀
recycle ♻  red_car 🚗  red_heart ❤  relieved 😌  repeat 🔁  rewind ⏪  ribbon 🎀  rice 🍚  robot 🤖  rocket 🚀  rofl 🤣
roll_eyes 🙄  rooster 🐓  rose 🌹  rugby_football 🏉  runner 🏃  sake 🍶  salt 🧂  saluting_face 🫡  sandwich 🥪
santa 🎅  satellite 📡  satisfied 😆  sauropod 🦕  saxophone 🎷  school 🏫  scissors ✂  scorpion 🦂  scream 😱
see_no_evil 🙈  seedling 🌱  shark 🦈  sheep 🐑  shell 🐚  shield 🛡  ship 🚢  shirt 👕  shoe 👞  shower 🚿  shrimp 🦐
shrug 🤷  shushing_face 🤫  skateboard 🛹  ski 🎿  skull 💀  sleeping 😴  sleepy 😪  slightly_frowning_face 🙁
slightly_smiling_face 🙂  sloth 🦥  smile 😄  smile_cat 😸  smiley 😃  smiling_imp 😈  smirk 😏  snail 🐌  snake 🐍
snowflake ❄  snowman ⛄  soap 🧼  sob 😭  soccer ⚽  socks 🧦  sos 🆘  sound 🔉  spaghetti 🍝  sparkles ✨
speak_no_evil 🙊  speech_balloon 💬  spider 🕷  sponge 🧽  spoon 🥄  squid 🦑  star ⭐  star-struck 🤩  star2 🌟
stew 🍲  stopwatch ⏱  strawberry 🍓  stuck_out_tongue 😛  stuck_out_tongue_winking_eye 😜  sun_with_face 🌞
sunflower 🌻  sunglasses 😎  sunny ☀  sunrise 🌅  sushi 🍣  swan 🦢  sweat 😓  sweat_drops 💦  sweat_smile 😅
swimmer 🏊  syringe 💉  t-rex 🦖  taco 🌮  tada 🎉  taxi 🚕  tea 🍵  technologist 💻  teddy_bear 🧸  telescope 🔭
tennis 🎾  tent ⛺  thinking 🤔  thinking_face 🤔  thread 🧵  thumbsdown 👎  thumbsup 👍  ticket 🎫  tiger 🐯
tired_face 😫  tomato 🍅  tongue 👅  tooth 🦷  tophat 🎩  tractor 🚜  traffic_light 🚥  train 🚋  triumph 😤  trophy 🏆
tropical_fish 🐠  truck 🚚  trumpet 🎺  tulip 🌷  turtle 🐢  tv 📺  umbrella ☂  unamused 😒  unicorn_face 🦄  unlock 🔓
upside_down_face 🙃  v ✌  vampire 🧛  video_game 🎮  violin 🎻  volcano 🌋  vomiting_face 🤮  waffle 🧇  walking 🚶
warning ⚠  watch ⌚  watermelon 🍉  wave 👋  weary 😩  whale 🐳  wheelchair ♿  white_check_mark ✅  wilted_flower 🥀
wind_chime 🎐  wine_glass 🍷  wink 😉  wolf 🐺  wood 🪵  worried 😟  wrench 🔧  x ❌  yarn 🧶  yawning_face 🥱
yellow_heart 💛  yo-yo 🪀  yum 😋  zany_face 🤪  zap ⚡  zebra 🦓  zipper_mouth_face 🤐  zombie 🧟  zzz 💤
"""


def _read(table: str) -> dict[str, str]:
    words = table.split()
    return dict(zip(words[::2], words[1::2], strict=True))


EMOJI = _read(_TABLE)  # code -> picture, by code

LONGEST_REACTION = 32  # characters: families and flags are several
NO_REACTION = "A reaction is an emoji, such as 👍, or the name of one, such as :tada: (Tab completes it after a colon)."
# Pictures and arrows, in ranges; https://www.unicode.org/Public/UCD/latest/ucd/emoji/emoji-data.txt has those that are pictures.
_PICTURES = (
    "\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_JOINED = "\u200d\ufe0f\U000e0020-\U000e007f"
_REACTION = re.compile(f"(?:[{_PICTURES}]|[#*0-9]\ufe0f?\u20e3|(?<=.)[{_JOINED}])+")


def pictures(code: str) -> list[tuple[str, str]]:
    """Short codes that begin like `code`, the shortest first, then those that have it further inside, with their pictures."""
    wanted = code.lower().rstrip(":")
    found = [name for name in EMOJI if name.startswith(wanted)]
    inside = [name for name in EMOJI if len(wanted) > 1 and wanted in name[1:] and name not in found]
    return [(name, EMOJI[name]) for name in (*sorted(found, key=len), *sorted(inside, key=len))]


def reaction_of(text: str) -> str:
    """The reaction that is meant by an emoji, or by its name (`:tada:`, +1); "" where it is none."""
    text = text.strip()
    if text in ("+1", "-1"):
        return EMOJI[text]
    if len(text) > 2 and text[0] == text[-1] == ":":
        return EMOJI.get(text[1:-1].lower(), "")
    return text if len(text) <= LONGEST_REACTION and _REACTION.fullmatch(text) else ""
