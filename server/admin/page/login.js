// The page on which people log in. Who follows a link from elsewhere is logged in, but the browser
// has not said so: it keeps its cookie from requests that other sites cause. So this page asks.

const answer = await fetch('session', { cache: 'no-store' }).catch(() => null);
if (answer?.status === 204 && !location.search.includes('why=')) location.replace('./');

const form = document.querySelector('form');
form.addEventListener('submit', () => {
  const button = form.querySelector('button');
  button.textContent = 'One moment';
  button.setAttribute('aria-busy', 'true');
});
// Whoever comes back by the browser's history finds it as it was.
addEventListener('pageshow', () => {
  const button = form.querySelector('button');
  button.textContent = 'Log in';
  button.removeAttribute('aria-busy');
});
