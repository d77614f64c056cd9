"""Celery with its Redis broker and results. Arguments: worker|producer PORT BACKEND_PORT PREFIX JOBS"""
import os
import sys
import time

from celery import Celery
from redis import Redis

role, port, backend, prefix, jobs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
url = f"redis://127.0.0.1:{port}/0"
app = Celery("celery_jobs", broker=url, backend=url)
app.conf.update(task_default_queue=prefix, broker_connection_retry_on_startup=True, worker_proc_alive_timeout=20, task_acks_late=True)


@app.task(name="job")
def job(number):
    time.sleep(0.02)
    Redis(port=backend).rpush(f"{prefix}:done", number)
    return number


if __name__ == "__main__":
    if role == "worker":
        app.worker_main(["worker", "--loglevel", "WARNING", "-P", os.environ.get("POOL", "threads"), "-c", "2", "--without-gossip", "--without-mingle"])
    else:
        for number in range(jobs):
            try:
                job.delay(number)
            except Exception as error:
                print(f"job {number}: {type(error).__name__}: {error}")
