// The one script of the fixture site.
"use strict";
