// Names with their values, which change while somebody reads them.

/** Shows these in a list of terms, in their order; there are as many each time, or more. */
export function showFacts(list, facts) {
  Object.entries(facts).forEach(([name, value], place) => {
    const fact = list.children[place] ?? list.appendChild(pair());
    fact.children[0].textContent = name;
    fact.children[1].textContent = value ?? '–';
  });
}

function pair() {
  const fact = document.createElement('div');
  fact.append(document.createElement('dt'), document.createElement('dd'));
  return fact;
}
