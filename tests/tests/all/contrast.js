(() => {
  // Each text on the page whose colour is too near to that of what lies behind it, by WCAG's formula.
  const channels = text => (text.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const part = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const over = (top, below) => {
    const alpha = top.length > 3 ? top[3] : 1;
    return [0, 1, 2].map(i => top[i] * alpha + below[i] * (1 - alpha));
  };
  const behind = element => {
    if (!element) {
      const dark = matchMedia('(prefers-color-scheme: dark)').matches && !matchMedia('print').matches;
      return dark ? [18, 18, 18] : [255, 255, 255];
    }
    const own = channels(getComputedStyle(element).backgroundColor);
    if (own.length === 3) return own;
    return over(own, behind(element.parentElement));
  };
  const found = [];
  let looked = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest('svg, style') || !element.getClientRects().length) continue;
    looked += 1;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const pair = [light(over(channels(style.color), ground)), light(ground)].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${element.tagName} ${node.textContent.trim().slice(0, 40)}`);
  }
  return {looked, found};
})()
