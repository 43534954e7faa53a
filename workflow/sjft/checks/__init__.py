"""What is known to be wrong before the first job: a pass over what was asked for.

``asked`` says which parts of the configuration that is, ``answers`` what has to be asked of the
networks, and keeps what was answered; ``networks`` answers, without any weights; ``values``,
``numbers`` and ``machine`` look at settings, at how many images there are, and at where it runs.
``first_look`` puts all of it together.
"""
