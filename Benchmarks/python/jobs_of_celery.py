import os

from celery import Celery

app = Celery("jobs_of_celery", broker=os.environ["BENCHMARK_REDIS"])
# One acknowledgement per job, after it has run, as gKick's; no results kept.
app.conf.update(task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=32)


@app.task(name="noop")
def noop():
    pass
