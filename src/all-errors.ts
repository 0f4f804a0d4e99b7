import { Settings } from 'typebox/system';

// TypeBox stops at the 8th error; whoever sent something wrong shall read all of it, within reason.
Settings.Set({ maxErrors: 100 });
