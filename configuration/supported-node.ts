/** What `engines` of package.json says, and what the tests run on. */
const NODE_MAJOR_MIN = 24;

// Ends the program before it does anything. Import it first: on an older Node the rest would start and fail later, when
// it calls what is not there.
if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `Keyturn needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.version}. ` +
      'In a folder that `npm start` has set up, node_modules/.bin/node is one, and `npm run keyturn` uses it.\n',
  );
  process.exit(1);
}
