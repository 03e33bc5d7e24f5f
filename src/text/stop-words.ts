/** English words that say little about what a text is about. The embedder damps them. */
export const stopWords: ReadonlySet<string> = new Set(
  (
    'a about all also an and any are as at be been but by can could did do does for from had has have ' +
    'how i if in into is it its just may me more most must my no not of on one only or other our ' +
    'should so some such than that the their them then there these they this to up us use used using ' +
    'was we were what when where which who why will with would you your'
  ).split(' '),
);
