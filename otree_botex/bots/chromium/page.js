// The page as it stands now: its HTML with the state of all controls written into it, and a list of these controls.
//
// What is not to be seen is marked by data-botex-unseen, what is seen of a control by data-botex with its number (and
// the control itself by data-botex-control), shadow trees and frames of the same origin stand in place. `base` is where the numbers of this frame begin; `frames` has the HTML of
// the frames in it, by their place among the frame's elements.
([base, frames]) => {
  const botex = window.__botex;
  const TEXTS = ['text', 'search', 'email', 'url', 'tel', 'password', 'date', 'time', 'month', 'week',
                 'datetime-local', 'color'];
  const ROLES = {button: 'button', link: 'link', checkbox: 'checkbox', switch: 'checkbox', radio: 'radio',
                 slider: 'slider', textbox: 'text', searchbox: 'text', spinbutton: 'number', tab: 'button',
                 menuitem: 'button', option: 'button', menuitemradio: 'radio', menuitemcheckbox: 'checkbox'};
  const RAW = ['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'LINK', 'META', 'TITLE', 'BASE'];
  const MOST_NAME = 200, MOST_TILES = 300, LONG = 160;
  const page = document.implementation.createHTMLDocument('');
  const controls = [];
  const counts = new Map();

  const squeeze = text => (text || '').replace(/\s+/g, ' ').trim().slice(0, MOST_NAME);
  const rootOf = element => element.shadowRoot || botex.roots.get(element) || null;
  const styleOf = element => getComputedStyle(element);

  // ---- what is to be seen

  function isSeen(element) {
    if (!element.checkVisibility({opacityProperty: true})) return false;
    if (styleOf(element).display === 'contents') return true;
    const box = element.getBoundingClientRect();
    if (box.width === 0 && box.height === 0) return element.childNodes.length > 0 || element.localName === 'br';
    if (box.right + scrollX <= 0 || box.bottom + scrollY <= 0) return false;
    return !(box.width <= 1 && box.height <= 1 && styleOf(element).position === 'absolute');
  }

  function hasBox(element) {
    const box = element.getBoundingClientRect();
    return element.checkVisibility({visibilityProperty: true}) && box.width > 0 && box.height > 0;
  }

  // ---- names

  function nameOf(element) {
    const by = (element.getAttribute('aria-labelledby') || '').split(/\s+/).filter(Boolean)
      .map(id => element.getRootNode().getElementById?.(id)).filter(Boolean);
    if (by.length) return squeeze(by.map(one => one.innerText).join(' '));
    if (element.ariaLabel) return squeeze(element.ariaLabel);
    if (element.labels?.length) return squeeze([...element.labels].map(label => ownText(label)).join(' '));
    if (element.matches('input[type=submit], input[type=button], input[type=reset]')) {
      return squeeze(element.value || (element.type === 'reset' ? 'Reset' : 'Submit'));
    }
    if (!element.matches('input, select, textarea') && !element.isContentEditable) {
      const images = [...element.querySelectorAll('img[alt], svg title')].map(one => one.alt || one.textContent);
      const text = squeeze(element.innerText || '') || squeeze(images.join(' '));
      if (text) return text;
    }
    return squeeze(element.alt || element.title || element.placeholder || '');
  }

  // A label's text without that of the controls in it.
  function ownText(label) {
    if (!label.querySelector('select, textarea, button, option')) return label.innerText;
    const copy = label.cloneNode(true);
    for (const inner of copy.querySelectorAll('select, textarea, button')) inner.remove();
    return copy.textContent;
  }

  // ---- which elements are controls

  function kindOf(element) {
    const type = element.type;
    switch (element.localName) {
      case 'input':
        if (type === 'hidden') return '';
        if (['submit', 'button', 'reset', 'image'].includes(type)) return 'button';
        if (['radio', 'checkbox', 'number', 'file'].includes(type)) return type;
        return type === 'range' ? 'slider' : 'text';
      case 'select': case 'textarea': case 'button': return element.localName;
      case 'summary': return 'button';
      case 'a': if (element.hasAttribute('href')) return element.getAttribute('href').startsWith('javascript:')
        || hears(element) ? 'button' : 'link'; break;
      case 'label': case 'option': case 'html': case 'body': case 'form': return '';
    }
    const role = ROLES[element.getAttribute('role')];
    if (role) return role;
    if (element.isContentEditable && !element.parentElement?.isContentEditable) return 'textarea';
    if (element.draggable && element.localName !== 'img') return 'area';
    return hears(element) || takesDrops(element) ? 'area' : '';
  }

  function hears(element) {
    return botex.mouse.has(element) || Boolean(element.onclick || element.onmousedown || element.onmouseup
      || element.onpointerdown || element.ondblclick || element.ontouchstart);
  }

  function takesDrops(element) {
    return botex.drops.has(element) || Boolean(element.ondrop || element.ondragover);
  }

  // What is dropped on one of the things in a place is dropped in that place, before or behind it.
  function liesInPlace(element) {
    for (let at = element.parentElement; at; at = at.parentElement) if (takesDrops(at)) return true;
    return false;
  }

  // Without a listener of its own: a script may listen further out, and a person goes by the pointer's form.
  function looksPressable(element) {
    const cursor = styleOf(element).cursor, parent = element.parentElement;
    return ['pointer', 'grab', 'move', 'crosshair'].includes(cursor)
      && !(parent && styleOf(parent).cursor === cursor) && !element.closest('label, a[href], button, summary');
  }

  // The parts of an element that listens for all of them, a grid of tiles for example.
  function tilesIn(element) {
    const parts = [...element.querySelectorAll('*')].filter(part => !part.firstElementChild && hasBox(part)
      && !['BR', 'SCRIPT', 'STYLE', 'OPTION', 'LABEL'].includes(part.tagName));
    return parts.length > 1 && parts.length <= MOST_TILES ? parts : [];
  }

  const found = new Map();  // element -> kind
  const elements = [];
  (function gather(root) {
    for (const element of root.querySelectorAll('*')) {
      elements.push(element);
      const inner = rootOf(element);
      if (inner) gather(inner);
    }
  })(document);
  for (const element of elements) {
    if (RAW.includes(element.tagName)) continue;
    const kind = kindOf(element);
    if (kind) found.set(element, kind);
  }
  const holds = element => [...found.keys()].some(one => one !== element && element.contains(one));
  for (const [element, kind] of [...found]) {
    if (kind !== 'area' || element.draggable || element.localName === 'canvas' || element.localName === 'svg') continue;
    if (hears(element) && !takesDrops(element) && !holds(element)) {
      const tiles = element.parentElement?.closest('[role=button], button') ? [] : tilesIn(element);
      const parts = new Set(tiles.map(tile => tile.textContent));
      // what says several things at once is one thing to press if it is small, and else a board of things
      if (tiles.length > 3 && (parts.size > 1 || tiles.every(tile => !tile.textContent.trim()))
          && ['TABLE', 'TBODY', 'UL', 'OL', 'DIV', 'SECTION', 'MAIN'].includes(element.tagName)
          && element.getBoundingClientRect().height > 120) {
        found.delete(element);
        for (const tile of tiles) found.set(tile, 'area');
      }
    }
  }
  for (const element of elements) {
    if (found.has(element) || !element.checkVisibility() || RAW.includes(element.tagName)) continue;
    if (['HTML', 'BODY', 'LABEL', 'OPTION', 'SELECT', 'IFRAME'].includes(element.tagName)) continue;
    if (looksPressable(element) && !holds(element)) found.set(element, 'area');
  }

  // ---- numbers: an element keeps its number; one that took another's place takes over its number

  function numberOf(element, kind, name) {
    const known = botex.numbers.get(element);
    if (known !== undefined) return known;
    const sign = [element.localName, kind, element.id, element.getAttribute('name'), element.className, name].join('|');
    const place = counts.get(sign) || 0;
    counts.set(sign, place + 1);
    let number;
    for (const [other, was] of botex.elements) {
      if (!was.element.isConnected && was.sign === sign) { number = other; break; }
    }
    if (number === undefined) number = base + (botex.next += 1);
    botex.numbers.set(element, number);
    botex.elements.set(number, {element, sign});
    return number;
  }

  function isChecked(element, kind) {
    if (element.localName === 'input') return element.checked;
    return ['radio', 'checkbox'].includes(kind) ? element.getAttribute('aria-checked') === 'true' : null;
  }

  function describe(element, kind, at) {
    const name = nameOf(element);
    const number = numberOf(element, kind, name);
    botex.elements.get(number).at = at;
    const isInput = element.matches('input, select, textarea');
    const value = element.localName === 'select' || kind === 'button' || kind === 'link' ? ''
      : isInput ? element.value : kind === 'slider' || kind === 'number' ? element.ariaValueNow || ''
      : kind === 'textarea' || kind === 'text' ? element.innerText : '';
    const options = element.localName === 'select' ? [...element.options].filter(option => !option.hidden)
      .map(option => ({label: squeeze(option.label || option.text), chosen: option.selected,
                       disabled: option.matches(':disabled')})) : [];
    const cursor = styleOf(element).cursor;
    return {
      n: number, kind, name, value, checked: isChecked(element, kind),
      disabled: element.matches(':disabled') || element.ariaDisabled === 'true',
      readonly: Boolean(element.readOnly && !['radio', 'checkbox', 'range'].includes(element.type)),
      options, multiple: Boolean(element.multiple),
      min: isInput ? element.min || '' : element.ariaValueMin || '',
      max: isInput ? element.max || '' : element.ariaValueMax || '',
      step: isInput ? element.step || '' : '', type: isInput ? element.type : '',
      maxlength: isInput && element.maxLength > 0 ? element.maxLength : null,
      drag: element.draggable && element.localName !== 'a' || kind === 'area' && ['grab', 'move'].includes(cursor),
      click: kind !== 'area' || hears(element) || cursor === 'pointer',
      drop: takesDrops(element) || element.draggable && liesInPlace(element),
      submits: Boolean(element.form) && element.form.method === 'post'
        && ['submit', 'image'].includes(element.type),
      opens: element.matches('summary, [data-bs-toggle], [data-toggle], [aria-expanded], [aria-haspopup], '
        + '[popovertarget], [data-bs-dismiss], [data-dismiss]'),
      chat: Boolean(element.closest('.otree-chat')),
      outer: kind === 'area' && (holds(element) || squeeze(element.innerText).length > LONG),
    };
  }

  // ---- the copy

  function attributesOf(element, copy) {
    for (const {name, value} of element.attributes) {
      if (!/^on/i.test(name) || name === 'onclick') try { copy.setAttribute(name, value); } catch (error) {}
    }
    if (element.localName === 'input' && element.type !== 'file') {
      copy.setAttribute('value', element.value);
      copy.toggleAttribute('checked', element.checked);
    }
    if (element.localName === 'option') copy.toggleAttribute('selected', element.selected);
    if (element.matches('input, select, textarea, button, option, fieldset')) {
      copy.toggleAttribute('disabled', element.disabled);
    }
  }

  const numbers = new Map();  // control -> number
  const marks = new Map();  // element at which a number stands: the control's own, or that of a label that draws it

  function copyOf(element) {
    if (RAW.includes(element.tagName)) return element.cloneNode(true);
    const copy = page.createElement(/^[a-z][a-z0-9-]*$/.test(element.localName) ? element.localName : 'span');
    attributesOf(element, copy);
    const hidden = styleOf(element).visibility !== 'visible';
    const listed = ['OPTION', 'OPTGROUP'].includes(element.tagName);
    if (!listed && (!isSeen(element) || hidden && !element.firstElementChild)) copy.setAttribute('data-botex-unseen', '');
    if (marks.has(element)) copy.setAttribute('data-botex', marks.get(element));
    if (numbers.has(element)) copy.setAttribute('data-botex-control', numbers.get(element));
    if (element.localName === 'textarea') {
      copy.textContent = element.value;
      return copy;
    }
    if (element.localName === 'iframe') {
      const place = [...document.querySelectorAll('iframe')].indexOf(element);
      const inner = page.createElement('div');
      inner.innerHTML = frames[place] || '';
      inner.toggleAttribute('data-botex-unseen', !isSeen(element));
      return inner;
    }
    const root = rootOf(element);
    const children = root ? root.childNodes
      : element.localName === 'slot' && element.assignedNodes().length ? element.assignedNodes() : element.childNodes;
    for (const child of children) {
      if (child.nodeType === Node.ELEMENT_NODE) copy.append(copyOf(child));
      else if (child.nodeType === Node.TEXT_NODE && !hidden) copy.append(page.createTextNode(child.data));
    }
    return copy;
  }

  for (const [element, kind] of found) {
    // a box may be drawn by its label: then that is what is seen and pressed
    const labels = ['radio', 'checkbox', 'file'].includes(kind) && element.labels ? [...element.labels] : [];
    const at = isSeen(element) && hasBox(element) ? element : labels.find(label => hasBox(label)) || null;
    if (!at || !hasBox(at)) continue;
    if (['button', 'link'].includes(kind) === false && element.parentElement?.closest('button')) continue;
    if (element.closest('.debug-info, .powered-by-otree')) continue;
    const control = describe(element, kind, at);
    controls.push(control);
    marks.set(at, control.n);
    numbers.set(element, control.n);
  }
  const copy = copyOf(document.documentElement);
  const order = [...copy.querySelectorAll('[data-botex]')].map(one => Number(one.getAttribute('data-botex')));
  controls.sort((one, other) => order.indexOf(one.n) - order.indexOf(other.n));
  return {
    html: '<!DOCTYPE html>' + copy.outerHTML, controls, keys: botex.keys || Boolean(document.onkeydown
      || document.onkeyup || document.onkeypress || window.onkeydown || document.body?.onkeydown),
    title: document.title, version: botex.version,
  };
}
