/** ELK in a worker of its own; the import installs what answers messages. */
import 'elkjs/lib/elk-worker.min.js';
