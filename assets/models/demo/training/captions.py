"""Natural sentences for a portrait's attribute record."""
import random

EXPRESSION = {
    'smile': ['smiling', 'with a smile', 'with a gentle smile', 'looking happy', 'with a happy expression', 'who smiles'],
    'laugh': ['laughing', 'with a big laugh', 'who laughs out loud', 'laughing with an open mouth', 'with a joyful laugh'],
    'surprise': ['looking surprised', 'with a surprised expression', 'gasping in surprise', 'who is surprised', 'looking amazed'],
    'nervous': ['looking nervous', 'with a nervous grin', 'gritting their teeth', 'with clenched teeth', 'who is nervous'],
    'kiss': ['blowing a kiss', 'with puckered lips', 'pursing their lips', 'with a kissing mouth', 'whistling'],
    'sad': ['looking sad', 'with a sad expression', 'frowning', 'with a frown', 'who is sad', 'looking unhappy'],
    'closed': ['smiling with closed eyes', 'with closed eyes and a smile', 'smiling with eyes shut', 'content with their eyes closed'],
}
SHIRT = {
    'open': ['{c} t-shirt', '{c} scoop neck top', '{c} round neck shirt', 'plain {c} t-shirt'],
    'crew': ['{c} sweater', '{c} jumper', '{c} pullover', '{c} crew neck sweater'],
    'collared': ['{c} collared shirt', '{c} polo shirt', '{c} shirt with a collar', '{c} polo'],
}
WEAR = ['wearing a {s}', 'in a {s}', 'dressed in a {s}', 'with a {s}']
GLASSES = {
    'round': ['round {c} glasses', '{c} round glasses', 'round glasses in {c}'],
    'square': ['square {c} glasses', '{c} square glasses', 'square glasses in {c}'],
}
GLASSES_PLAIN = {'round': ['round glasses', 'glasses with round frames'], 'square': ['square glasses', 'glasses with square frames']}
WITH = ['with {}', 'wearing {}', 'who wears {}']
EARRING = ['a hoop earring', 'a gold earring', 'a gold hoop earring', 'earrings', 'hoop earrings']
BACKGROUND = ['on a {c} background', 'against a {c} background', 'in front of a {c} wall', 'with a {c} background', 'on {c}', '{c} background']
NAVY = ['navy', 'dark blue', 'navy blue']
BLUE_WALL = ['light blue', 'blue', 'sky blue']
FACING = ['facing {}', 'looking to the {}', 'turned to the {}', 'looking {}']
CROP = {
    'portrait': ['a portrait of {}', 'portrait of {}', 'a drawing of {}', 'an illustration of {}', 'a cartoon of {}', 'a picture of {}', '{}, portrait', '{}', 'a cartoon portrait of {}'],
    'close': ['a close-up of {}', 'a close-up portrait of {}', 'close-up of {}', '{}, close-up', 'a close up of {}'],
    'far': ['{} seen from further away', 'a distant portrait of {}', '{} in the distance', 'a small figure of {}', '{} from afar', 'a wide shot of {}'],
}
PERSON = ['a person', 'a person', 'a character', 'someone', 'a man', 'a woman', 'a cartoon person', 'an adult', 'a cartoon character']
HAIR = {
    'fonze': ['swept {c} hair', '{c} hair combed back', 'a {c} quiff'],
    'mrT': ['a {c} mohawk'],
    'dougFunny': ['a few strands of {c} hair', 'almost no hair'],
    'mrClean': ['a bald head', 'no hair'],
    'dannyPhantom': ['straight {c} hair', '{c} hair with a fringe'],
    'full': ['long {c} hair', 'long wavy {c} hair'],
    'turban': ['a {c} turban'],
    'pixie': ['a {c} bob', 'short {c} hair'],
}
TAILS = ['flat colours', 'clean lines', 'vector art', 'high quality', 'cartoon style', 'bold outlines', 'colourful', 'cinematic']


def caption(record, rng, mention=0.82, identity=0.12, said=None):
    """One sentence for a record; each attribute is left out now and then, so that short prompts work too. `said` collects what it tells."""
    parts, said = [], set() if said is None else said
    said.update(['crop', 'glasses', 'earring'])

    def maybe(chance):
        return rng.random() < chance

    if maybe(mention):
        said.add('expression')
        parts.append(rng.choice(EXPRESSION[record['expression']]))
    if maybe(mention):
        said.update(['shirt', 'shirtColour'])
        shirt = rng.choice(SHIRT[record['shirt']]).format(c=record['shirtColour'])
        if shirt[0] in 'aeiou':
            parts.append(rng.choice(WEAR).replace(' a ', ' an ').format(s=shirt))
        else:
            parts.append(rng.choice(WEAR).format(s=shirt))
    if record['glasses'] != 'none':
        if maybe(0.93):
            if maybe(0.8):
                said.add('glassesColour')
                text = rng.choice(GLASSES[record['glasses']]).format(c=record['glassesColour'])
            else:
                text = rng.choice(GLASSES_PLAIN[record['glasses']])
            parts.append(rng.choice(WITH).format(text))
        else:
            said.remove('glasses')
    elif maybe(0.2):
        parts.append(rng.choice(['without glasses', 'with no glasses']))
    if record['earring'] != 'none':
        if maybe(0.93):
            parts.append(rng.choice(WITH).format(rng.choice(EARRING)))
        else:
            said.remove('earring')
    elif maybe(0.1):
        parts.append(rng.choice(['without earrings', 'with no earrings']))
    if maybe(mention):
        said.add('facing')
        parts.append(rng.choice(FACING).format(record['facing']))
    if maybe(identity):
        parts.append('with ' + rng.choice(HAIR[record['hair']]).format(c=record['hairColour']))
    rng.shuffle(parts)
    if maybe(mention):
        said.add('background')
        colour = record['background']
        if colour == 'navy':
            colour = rng.choice(NAVY)
        elif colour == 'blue':
            colour = rng.choice(BLUE_WALL)
        text = rng.choice(BACKGROUND).format(c=colour)
        if colour[0] in 'aeiou':
            text = text.replace(' a ', ' an ')
        parts.insert(rng.choice([0, len(parts), len(parts)]), text)
    body = rng.choice(PERSON)
    for i, part in enumerate(parts):
        glue = ' ' if i == 0 else rng.choice([', ', ', ', ' ', ' and ' if part.startswith(('with', 'wearing')) else ', '])
        body += glue + part
    text = rng.choice(CROP[record['crop']]).format(body) if maybe(0.9) or record['crop'] != 'portrait' else body
    if maybe(0.12):
        text += ', ' + rng.choice(TAILS)
    if maybe(0.7):
        text = text[0].upper() + text[1:]
    if maybe(0.45):
        text += '.'
    return text


def full_caption(record, rng):
    """A caption that names every text attribute: used for scoring."""
    return caption(record, rng, mention=1.1, identity=0)


if __name__ == '__main__':
    import json
    import sys
    r = random.Random(0)
    for rec in json.load(open(sys.argv[1]))[:30]:
        print(caption(rec, r))
